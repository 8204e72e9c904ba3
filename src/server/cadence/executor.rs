//! For executors: they beat, and are answered what to run.

use tonic::{Code, Request, Response, Status};

use super::{
    Desk,
    failure::{of_problem, passed_back},
    stand_in::{Place, Trouble},
};
use crate::{
    proto::cadence::{
        Failure, read_heartbeat,
        wire::{
            HeartbeatRequest, HeartbeatResponse,
            shard_distributor_executor_api_client::ShardDistributorExecutorApiClient,
            shard_distributor_executor_api_server::ShardDistributorExecutorApi,
        },
    },
    server::grpc::{patience, peers},
};

#[tonic::async_trait]
impl ShardDistributorExecutorApi for Desk {
    async fn heartbeat(
        &self,
        request: Request<HeartbeatRequest>,
    ) -> Result<Response<HeartbeatResponse>, Status> {
        self.check(&request)?;
        let arrived = self.office.clock.now();
        let (metadata, _, message) = request.into_parts();
        let patience = patience::of(&metadata);
        let (namespace, room) = self.namespace(&message.namespace)?;
        let beat = read_heartbeat(message.clone()).map_err(Failure::from)?;
        let place =
            Place { desk: &self.office.desk, clock: &*self.office.clock, namespace: &namespace, room: &room };
        let heard = tokio::time::timeout(patience, self.stand_ins.hear(&place, arrived, &beat)).await;
        let trouble = match heard {
            Ok(Ok(response)) => return Ok(Response::new(response)),
            Ok(Err(trouble)) => trouble,
            Err(_) => {
                let text = format!("namespace \"{namespace}\" could not answer in time; beat again");
                return Err(Failure::Other(Code::Unavailable, text).into());
            }
        };
        let failure = match trouble {
            Trouble::Refused(failure) => failure,
            Trouble::Busy => {
                Failure::Other(Code::Unavailable, "this replica has too much to do; beat again".into())
            }
            Trouble::NotLeading => {
                let problem = self.office.not_leading(&namespace).await;
                if let Some(leader) = self.leader(&problem, &metadata) {
                    let mut leader = ShardDistributorExecutorApiClient::new(leader)
                        .max_decoding_message_size(peers::MAX_PASSED_BYTES);
                    let answer = leader.heartbeat(peers::pass_on(message, patience)).await;
                    return answer
                        .map(|answer| Response::new(answer.into_inner()))
                        .map_err(|status| passed_back(&namespace, status));
                }
                of_problem(&namespace, problem)
            }
        };
        Err(failure.into())
    }
}
